//! The program `bedrock-nova-proxy`.

fn main() {}
