//! Files to begin with: a commented one with every default, and the smallest one that serves.

/// A commented `proxy.yaml` whose values are the defaults where there is one.
pub fn template() -> &'static str {
    include_str!("template.yaml")
}

/// The smallest `proxy.yaml`: it answers by itself on loopback, without network, account and certificate.
pub fn smallest() -> &'static str {
    include_str!("smallest.yaml")
}
