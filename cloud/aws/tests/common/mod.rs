//! What the tests against an emulated account share.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "test support: each test file uses its own part of it, and what cannot be had is a panic"
)]

use std::time::Duration;

use cloud::Cloud;
use cloud::contract::Fixture;
use cloud_aws::{ConnectOptions, connect};
use model::DeploymentId;
use test_support::{Ministack, Moto, rerun};

/// Runs `body` against an account of its own.
pub(crate) fn on_moto(test: &str, body: impl AsyncFnOnce(Cloud)) {
    on(
        test,
        || {
            let moto = Moto::start();
            (moto.environment(), moto)
        },
        body,
    );
}

/// The same against the other emulator.
pub(crate) fn on_ministack(test: &str, body: impl AsyncFnOnce(Cloud)) {
    on(
        test,
        || {
            let ministack = Ministack::start();
            (ministack.environment(), ministack)
        },
        body,
    );
}

/// Runs `body` in the environment that `parts` makes.
pub(crate) fn on<P>(
    test: &str,
    parts: impl FnOnce() -> (Vec<(String, String)>, P),
    body: impl AsyncFnOnce(Cloud),
) {
    rerun(test, parts, || {
        block_on(async {
            let options =
                ConnectOptions { attempt_timeout: Duration::from_secs(20), ..ConnectOptions::default() };
            body(connect(options).await.unwrap()).await;
        });
    });
}

/// Runs a future to its end.
pub(crate) fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

/// A fixture for an account whose reads do not lag and which has every operation.
pub(crate) fn whole_fixture(area: &str) -> Fixture {
    let id = DeploymentId::parse(&format!("c-{}", area.replace('_', "-"))).unwrap();
    Fixture { looks: 3, pause: Duration::from_millis(50), ..Fixture::new(id) }
}

/// A fixture for moto, which answers some operations with a web page (5.2.5).
pub(crate) fn fixture(area: &str) -> Fixture {
    whole_fixture(area).without(["UpdateResourceServer", "DeleteResourceServer"])
}
