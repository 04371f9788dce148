//! What a signature costs: 1 KB of body, temporary credentials, a key that was derived before.

use std::hint::black_box;

use aws_credential_types::Credentials;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Method, Request, header};
use jiff::Timestamp;
use proxy::upstream::sign::{Scope, SigningKeys};

fn sign(criterion: &mut Criterion) {
    let credentials = Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        Some("t".repeat(800)),
        None,
        "bench",
    );
    let Ok(keys) = SigningKeys::new(&credentials) else { return };
    let (body, now) = (vec![b'a'; 1024], Timestamp::UNIX_EPOCH);
    let scope = Scope { region: "us-east-1", service: "bedrock" };
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-lite-v1%3A0/converse",
    );
    request.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    criterion.bench_function("sign a request of 1 KB", |bencher| {
        bencher.iter(|| {
            let mut request = request.clone();
            let signed = keys.sign(&mut request, black_box(&body), scope, now);
            black_box((signed.is_ok(), request))
        });
    });
}

criterion_group!(benches, sign);
criterion_main!(benches);
