//! What a real account serves over the network, on loopback: a Cognito issuer and a small Bedrock.
