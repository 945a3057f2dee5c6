package local.kinesis;

import java.io.Serializable;
import java.net.URI;
import org.apache.flink.configuration.ReadableConfig;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisClient;

/** Which stream, and how to reach it. */
record StreamConfig(String arn, String region, String endpoint, String accessKey, String secretKey) implements Serializable {

  static StreamConfig of(ReadableConfig options) {
    boolean basic = options.get(KinesisTableFactory.CREDENTIALS).equalsIgnoreCase("BASIC");
    return new StreamConfig(options.get(KinesisTableFactory.STREAM), options.get(KinesisTableFactory.REGION),
        options.get(KinesisTableFactory.ENDPOINT), basic ? options.get(KinesisTableFactory.ACCESS_KEY) : null,
        basic ? options.get(KinesisTableFactory.SECRET_KEY) : null);
  }

  KinesisClient connect() {
    var client = KinesisClient.builder().httpClientBuilder(UrlConnectionHttpClient.builder()).region(Region.of(region))
        .credentialsProvider(accessKey == null ? DefaultCredentialsProvider.create()
            : StaticCredentialsProvider.create(AwsBasicCredentials.create(accessKey, secretKey)));
    if (endpoint != null || System.getenv("AWS_ENDPOINT_URL") != null || System.getenv("AWS_ENDPOINT_URL_KINESIS") != null) {
      System.setProperty("aws.cborEnabled", "false"); // the local endpoint answers CBOR with base64 text for bytes
    }
    if (endpoint != null) {
      client.endpointOverride(URI.create(endpoint));
    }
    return client.build();
  }
}
