package local.kinesis.client;

import java.io.Serializable;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ListShardsResponse;
import software.amazon.awssdk.services.kinesis.model.Shard;

/**
 * Which stream, and how to reach it.
 *
 * @param arn of the stream
 * @param region of the stream
 * @param endpoint URL of Kinesis; null takes AWS_ENDPOINT_URL_KINESIS or AWS_ENDPOINT_URL from the environment, and
 *     where neither is set the region's own
 * @param credentials where the keys come from
 */
public record StreamClient(String arn, String region, String endpoint, Credentials credentials)
    implements Serializable {
  private static final String CBOR_PROPERTY = "aws.cborEnabled";

  /** Opens a client that does not retry by itself: waiting inside one call would hold up every other shard. */
  public KinesisClient connect() {
    KinesisClient client = build();
    if (client.serviceClientConfiguration().endpointOverride().isPresent() && leaveOutCbor()) {
      client.close();
      client = build(); // A client keeps the encoding that it began with.
    }
    return client;
  }

  private KinesisClient build() {
    var builder = KinesisClient.builder()
        .httpClientBuilder(UrlConnectionHttpClient.builder())
        .region(Region.of(region))
        .credentialsProvider(credentials.provider())
        .overrideConfiguration(o -> o.retryStrategy(AwsRetryStrategy.doNotRetry()));
    if (endpoint != null) {
      builder.endpointOverride(URI.create(endpoint));
    }
    return builder.build();
  }

  /** All shards of the stream, closed ones within their retention included. */
  public List<Shard> listShards(KinesisClient client) {
    ListShardsResponse page = client.listShards(r -> r.streamARN(arn));
    List<Shard> shards = new ArrayList<>(page.shards());
    while (page.nextToken() != null) {
      String next = page.nextToken();
      page = client.listShards(r -> r.nextToken(next)); // With the ARN too, AWS would refuse it.
      shards.addAll(page.shards());
    }
    return shards;
  }

  /**
   * Whether the encoding is another from now on. What stands in for AWS speaks JSON; the SDK takes the encoding from
   * nowhere but this property and CBOR_ENABLED.
   */
  private static boolean leaveOutCbor() {
    if (System.getProperty(CBOR_PROPERTY) != null || System.getenv("CBOR_ENABLED") != null) {
      return false;
    }
    System.setProperty(CBOR_PROPERTY, "false");
    return true;
  }
}
