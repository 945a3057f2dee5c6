package local.kinesis;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import local.kinesis.client.Credentials;
import local.kinesis.client.StreamClient;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A Kinesis with one stream behind real HTTP on 127.0.0.1, so that the AWS SDK is part of what is tested. A test puts
 * records, closes shards and says which requests are refused.
 */
public final class FakeKinesis implements AutoCloseable {
  public static final String ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A record as it was put. */
  public record Put(String key, String data, long millis) {}

  /** A request that was made. */
  public record Call(String operation, JsonNode body, String contentType) {}

  private record Refusal(int status, String type) {}

  private static final class FakeShard {
    final List<String> parents;
    final List<Put> records = new ArrayList<>();
    boolean closed;
    boolean throttled;

    FakeShard(List<String> parents) {
      this.parents = parents;
    }
  }

  private final HttpServer server;
  private final Map<String, FakeShard> shards = new LinkedHashMap<>();
  private final Map<String, List<Refusal>> refusals = new HashMap<>();
  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private int refusedRecords;
  private int iteratorsOf;

  public FakeKinesis(String... shardIds) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    for (String id : shardIds) {
      open(id);
    }
  }

  public String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  public StreamClient client() {
    return new StreamClient(ARN, "us-east-1", endpoint(), new Credentials.Basic("key", "secret"));
  }

  public synchronized void open(String shardId, String... parents) {
    shards.put(shardId, new FakeShard(List.of(parents)));
  }

  public synchronized void close(String shardId) {
    shards.get(shardId).closed = true;
  }

  /** As after the retention. */
  public synchronized void remove(String shardId) {
    shards.remove(shardId);
  }

  public synchronized void put(String shardId, String data, long millis) {
    shards.get(shardId).records.add(new Put("", data, millis));
  }

  /** Refuses the next requests of an operation. */
  public synchronized void refuse(String operation, int status, String type, int times) {
    for (int i = 0; i < times; i++) {
      refusals.computeIfAbsent(operation, o -> new ArrayList<>()).add(new Refusal(status, type));
    }
  }

  /** Whether GetRecords of a shard are refused. */
  public synchronized void throttle(String shardId, boolean throttled) {
    shards.get(shardId).throttled = throttled;
  }

  /** Refuses so many of the next records within PutRecords, each second one of a request. */
  public synchronized void refuseRecords(int records) {
    refusedRecords = records;
  }

  /** No iterator given out so far can be used any more. */
  public synchronized void expireIterators() {
    iteratorsOf++;
  }

  public synchronized List<Put> records(String shardId) {
    return List.copyOf(shards.get(shardId).records);
  }

  public List<Call> calls(String operation) {
    return calls.stream().filter(call -> call.operation.equals(operation)).toList();
  }

  @Override
  public void close() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
    String operation = target.substring(target.indexOf('.') + 1);
    JsonNode body = JSON.readTree(exchange.getRequestBody());
    calls.add(new Call(operation, body, exchange.getRequestHeaders().getFirst("Content-Type")));
    int status = 200;
    Map<String, Object> answer;
    synchronized (this) {
      List<Refusal> refused = refusals.getOrDefault(operation, List.of());
      if (refused.isEmpty()) {
        answer = perform(operation, body);
      } else {
        Refusal refusal = refused.remove(0);
        answer = Map.of("__type", refusal.type, "message", "as the test asked");
        status = refusal.status;
      }
      if (answer.containsKey("__type") && status == 200) {
        status = 400;
      }
    }
    byte[] bytes = JSON.writeValueAsBytes(answer);
    exchange.getResponseHeaders().add("Content-Type", "application/x-amz-json-1.1");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private Map<String, Object> perform(String operation, JsonNode body) {
    return switch (operation) {
      case "ListShards" -> Map.of("Shards", shards.entrySet().stream().map(e -> describe(e.getKey(), e.getValue()))
          .toList());
      case "GetShardIterator" -> shardIterator(body);
      case "GetRecords" -> getRecords(body);
      case "PutRecords" -> putRecords(body);
      default -> error("UnknownOperationException");
    };
  }

  private static Map<String, Object> describe(String id, FakeShard shard) {
    Map<String, Object> description = new HashMap<>();
    description.put("ShardId", id);
    description.put("HashKeyRange", Map.of("StartingHashKey", "0", "EndingHashKey", "1"));
    description.put("SequenceNumberRange", shard.closed
        ? Map.of("StartingSequenceNumber", "0", "EndingSequenceNumber", "9")
        : Map.of("StartingSequenceNumber", "0"));
    if (!shard.parents.isEmpty()) {
      description.put("ParentShardId", shard.parents.get(0));
    }
    if (shard.parents.size() > 1) {
      description.put("AdjacentParentShardId", shard.parents.get(1));
    }
    return description;
  }

  private Map<String, Object> shardIterator(JsonNode body) {
    String id = body.get("ShardId").asText();
    FakeShard shard = shards.get(id);
    if (shard == null) {
      return error("ResourceNotFoundException");
    }
    int next = switch (body.get("ShardIteratorType").asText()) {
      case "TRIM_HORIZON" -> 0;
      case "AFTER_SEQUENCE_NUMBER" -> body.get("StartingSequenceNumber").asInt() + 1;
      case "AT_TIMESTAMP" -> {
        long millis = Math.round(body.get("Timestamp").asDouble() * 1000);
        yield (int) shard.records.stream().filter(record -> record.millis < millis).count();
      }
      default -> throw new IllegalArgumentException(body.toString());
    };
    return Map.of("ShardIterator", iterator(id, next));
  }

  private String iterator(String id, int next) {
    return id + " " + next + " " + iteratorsOf;
  }

  private Map<String, Object> getRecords(JsonNode body) {
    String[] parts = body.get("ShardIterator").asText().split(" ");
    FakeShard shard = shards.get(parts[0]);
    if (shard == null) {
      return error("ResourceNotFoundException");
    }
    if (Integer.parseInt(parts[2]) != iteratorsOf) {
      return error("ExpiredIteratorException");
    }
    if (shard.throttled) {
      return error("ProvisionedThroughputExceededException");
    }
    int from = Integer.parseInt(parts[1]);
    int to = Math.min(shard.records.size(), from + body.get("Limit").asInt());
    List<Map<String, Object>> records = new ArrayList<>();
    for (int i = from; i < to; i++) {
      Put put = shard.records.get(i);
      records.add(Map.of("SequenceNumber", String.valueOf(i), "PartitionKey", "key", "Data",
          Base64.getEncoder().encodeToString(put.data.getBytes()), "ApproximateArrivalTimestamp", put.millis / 1000.0));
    }
    Map<String, Object> answer = new HashMap<>();
    answer.put("Records", records);
    answer.put("MillisBehindLatest", (shard.records.size() - to) * 1000);
    if (!shard.closed || to < shard.records.size()) {
      answer.put("NextShardIterator", iterator(parts[0], to));
    }
    return answer;
  }

  /** Every record goes into the first shard. */
  private Map<String, Object> putRecords(JsonNode body) {
    List<Map<String, Object>> results = new ArrayList<>();
    int failed = 0;
    for (JsonNode record : body.get("Records")) {
      if (refusedRecords > 0 && results.size() % 2 == 1) {
        refusedRecords--;
        failed++;
        results.add(Map.of("ErrorCode", "ProvisionedThroughputExceededException", "ErrorMessage", "Rate exceeded"));
      } else {
        FakeShard shard = shards.values().iterator().next();
        String data = new String(Base64.getDecoder().decode(record.get("Data").asText()));
        shard.records.add(new Put(record.get("PartitionKey").asText(), data, 0));
        results.add(Map.of("SequenceNumber", "0", "ShardId", "first"));
      }
    }
    return Map.of("FailedRecordCount", failed, "Records", results);
  }

  private static Map<String, Object> error(String type) {
    return Map.of("__type", type, "message", type);
  }
}
