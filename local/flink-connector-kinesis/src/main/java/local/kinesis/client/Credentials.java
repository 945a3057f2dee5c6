package local.kinesis.client;

import java.io.Serializable;
import java.nio.file.Path;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.auth.credentials.SystemPropertyCredentialsProvider;
import software.amazon.awssdk.profiles.ProfileFile;

/** Where the keys come from. */
public sealed interface Credentials extends Serializable {

  AwsCredentialsProvider provider();

  /** The SDK's own search: system properties, environment, profile, and so on. */
  record Default() implements Credentials {
    @Override
    public AwsCredentialsProvider provider() {
      return DefaultCredentialsProvider.builder().build();
    }
  }

  /** Keys given in the table's options. */
  record Basic(String accessKey, String secretKey) implements Credentials {
    @Override
    public AwsCredentialsProvider provider() {
      return StaticCredentialsProvider.create(AwsBasicCredentials.create(accessKey, secretKey));
    }

    @Override
    public String toString() {
      return "Basic[" + accessKey + "]";
    }
  }

  record Environment() implements Credentials {
    @Override
    public AwsCredentialsProvider provider() {
      return EnvironmentVariableCredentialsProvider.create();
    }
  }

  record SystemProperties() implements Credentials {
    @Override
    public AwsCredentialsProvider provider() {
      return SystemPropertyCredentialsProvider.create();
    }
  }

  /** A profile; null for the file or the name takes the SDK's default. */
  record Profile(String path, String name) implements Credentials {
    @Override
    public AwsCredentialsProvider provider() {
      var builder = ProfileCredentialsProvider.builder().profileName(name);
      if (path != null) {
        builder.profileFile(ProfileFile.builder().content(Path.of(path)).type(ProfileFile.Type.CREDENTIALS).build());
      }
      return builder.build();
    }
  }
}
