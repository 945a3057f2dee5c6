package local.kinesis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import local.kinesis.FakeKinesis;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.kinesis.model.Shard;

class StreamClientTest {
  private FakeKinesis kinesis;

  @BeforeEach
  void startKinesis() throws IOException {
    kinesis = new FakeKinesis("shardId-000000000000");
  }

  @AfterEach
  void stopKinesis() {
    kinesis.close();
  }

  @Test
  void speaksJsonToAnEndpointOfItsOwnFromTheFirstRequestOn() {
    String before = System.clearProperty("aws.cborEnabled");
    try (var client = kinesis.client().connect()) {
      assertEquals(List.of("shardId-000000000000"),
          kinesis.client().listShards(client).stream().map(Shard::shardId).toList());
      assertEquals("application/x-amz-json-1.1", kinesis.calls("ListShards").get(0).contentType());
    } finally {
      if (before != null) {
        System.setProperty("aws.cborEnabled", before);
      }
    }
  }

  @Test
  void makesEachRequestOnce() {
    kinesis.refuse("ListShards", 400, "ProvisionedThroughputExceededException", 1);
    try (var client = kinesis.client().connect()) {
      assertThrows(ProvisionedThroughputExceededException.class, () -> kinesis.client().listShards(client));
      assertEquals(1, kinesis.calls("ListShards").size());
    }
  }

  @Test
  void tellsThrottlesOutagesAndMistakesApart() {
    assertTrue(Failures.isThrottle(ProvisionedThroughputExceededException.builder().statusCode(400).build()));
    assertTrue(Failures.isOutage(KinesisException.builder().statusCode(503).build()));
    assertTrue(Failures.isOutage(new UncheckedIOException(new IOException("Connection refused"))));
    var mistake = KinesisException.builder().statusCode(400).build();
    assertFalse(Failures.isThrottle(mistake) || Failures.isOutage(mistake));
  }

  @Test
  void doesNotShowTheSecretKey() {
    assertFalse(kinesis.client().toString().contains("secret"), kinesis.client().toString());
  }
}
