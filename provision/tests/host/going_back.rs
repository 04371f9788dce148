//! What replaced something that worked, and does not work, goes back by itself.

use provision::host::HostRunError;
use systemd::host::{BROKEN, Host};
use systemd::units::PROXY_SERVICE;

use crate::support::{Bench, wanted};

#[test]
fn a_new_program_that_does_not_start_goes_back() {
    let bench = Bench::new();
    bench.install(&wanted("one", "a: 1")).unwrap();
    let before = bench.machine();
    let broken = String::from_utf8(BROKEN.to_vec()).unwrap();
    let error = bench.install(&wanted(&broken, "a: 2")).unwrap_err();
    assert!(matches!(&error, HostRunError::WentBack { log, .. } if log.contains(PROXY_SERVICE)), "{error:?}");
    assert_eq!(bench.machine().paths(), before.paths());
    assert_eq!(bench.machine(), before);
    // And the next good one goes in.
    bench.install(&wanted("two", "a: 2")).unwrap();
    let program = bench.host.unit(PROXY_SERVICE).unwrap().program.unwrap();
    assert_eq!(bench.host.read(&program).unwrap(), b"two");
}

#[test]
fn a_first_installation_that_does_not_start_stays_and_is_gone_on_with() {
    let bench = Bench::new();
    let fresh = bench.host.snapshot();
    let broken = String::from_utf8(BROKEN.to_vec()).unwrap();
    let error = bench.install(&wanted(&broken, "a: 1")).unwrap_err();
    assert!(matches!(&error, HostRunError::Step { step, .. } if step.contains(PROXY_SERVICE)), "{error:?}");
    bench.install(&wanted("one", "a: 1")).unwrap();
    let other = Bench::new();
    other.install(&wanted("one", "a: 1")).unwrap();
    assert_eq!(bench.machine().paths(), other.machine().paths());
    bench.uninstall(false).unwrap();
    assert_eq!(bench.host.snapshot(), fresh);
}
