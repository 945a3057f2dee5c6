"""CloudFormation, one template a concern, and the command that deploys it: to AWS and to the local endpoint alike."""
