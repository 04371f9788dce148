//! Ten thousand certificate files: read and judged here, only read and hashed, and in a loop of openssl.
//!
//!     cargo bench -p checks --bench files
//!
//! A name of a set of files as the first argument (`leaf`) measures only that. One run makes the files, then takes each way in turns and prints the best of each. The first two use the same
//! number of threads; with one thread it is time on the processor, with two it is time. The loop of openssl is bounded to 300 files and scaled. What the judge adds is not in here: the
//! verdict is a stub.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints what it measured, and stops where it cannot measure"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use checks::CheckResult;
use checks::cert::facts::Material;
use checks::cert::read::check_files;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use sha2::{Digest as _, Sha256};

const FILES: usize = 10_000;
const BY_OPENSSL: usize = 300;
const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    println!(
        "{:<22} {:>7} {:>11} {:>11} {:>7} {:>13} {:>7}",
        "", "threads", "hashed", "checked", "ratio", "openssl", "ratio"
    );
    let only = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    for (name, with_issuer, with_key) in
        [("leaf", false, false), ("leaf and issuer", true, false), ("leaf, issuer, key", true, true)]
    {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let paths = make(&folder.path().join(name.replace([',', ' '], "")), with_issuer, with_key);
        let pattern = paths.first().and_then(|path| path.parent()).expect("a folder").display().to_string();
        let loops = by_openssl(&paths);
        for threads in [1, 2] {
            let (mut hashed, mut checked) = (Duration::MAX, Duration::MAX);
            let measure = |work: &dyn Fn()| if threads == 1 { computed(work) } else { timed(work) };
            for _ in 0..ROUNDS {
                hashed = hashed.min(measure(&|| hash(&paths, threads)));
                checked = checked.min(measure(&|| check(&pattern, threads)));
            }
            let ratio = checked.as_secs_f64() / hashed.as_secs_f64();
            let gain = loops.as_secs_f64() / checked.as_secs_f64();
            println!(
                "{name:<22} {threads:>7} {:>8.1} ms {:>8.1} ms {ratio:>6.2}x {:>10.0} ms {gain:>6.0}x",
                millis(hashed),
                millis(checked),
                millis(loops),
            );
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The same in time on a processor of this thread, which is what counts where others use the machine.
fn computed(work: impl FnOnce()) -> Duration {
    let spent = || {
        let said = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts");
        said.split(' ')
            .next()
            .and_then(|first| first.parse().ok())
            .map(Duration::from_nanos)
            .expect("a number")
    };
    let before = spent();
    work();
    spent().saturating_sub(before)
}

/// Files as a CA of today makes them: two names, constraints, usages, identifiers, two timestamps.
fn make(folder: &Path, with_issuer: bool, with_key: bool) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a scratch folder");
    let issuer_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    for (kind, value) in
        [(DnType::CountryName, "US"), (DnType::OrganizationName, "Example"), (DnType::CommonName, "E7")]
    {
        params.distinguished_name.push(kind, value);
    }
    let issuer_pem = params.self_signed(&issuer_key).expect("an issuer").pem();
    let issuer = Issuer::new(params, issuer_key);
    let key = KeyPair::generate().expect("a key");
    (0..FILES)
        .map(|number| {
            let name = format!("host{number:05}.example.com");
            let mut params =
                CertificateParams::new(vec![name.clone(), format!("www.{name}")]).expect("parameters");
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            params.custom_extensions = vec![access(), timestamps()];
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            let mut text = certificate.pem();
            if with_issuer {
                text.push_str(&issuer_pem);
            }
            let path = folder.join(format!("{number:05}.pem"));
            std::fs::write(&path, text).expect("room for a file");
            if with_key {
                std::fs::write(path.with_extension("key"), key.serialize_pem()).expect("room for a file");
            }
            path
        })
        .collect()
}

/// `authorityInfoAccess` with the address of the issuer.
fn access() -> CustomExtension {
    let url = b"http://e7.i.example.com/";
    let mut location =
        vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, u8::try_from(url.len()).expect("short")];
    location.extend_from_slice(url);
    let location = sequence(&location);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], sequence(&location))
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x30, u8::try_from(content.len()).expect("short")];
    out.extend_from_slice(content);
    out
}

/// Two signed certificate timestamps of the usual size, as zeros.
fn timestamps() -> CustomExtension {
    let mut list = Vec::new();
    for _ in 0..2 {
        list.extend_from_slice(&[0, 119]);
        list.extend_from_slice(&[0; 1 + 32 + 8 + 2]);
        list.extend_from_slice(&[4, 3, 0, 72]);
        list.extend_from_slice(&[0; 72]);
    }
    let mut content = vec![0x04, 0x81, 244, 0, 242];
    content.extend_from_slice(&list);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], content)
}

fn hash(paths: &[PathBuf], threads: usize) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let bytes = std::fs::read(path).expect("a file of this benchmark");
            std::hint::black_box(Sha256::digest(&bytes));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}

fn check(pattern: &str, threads: usize) {
    let judge = |material: &Material| {
        assert!(material.certificates().next().is_some() && material.remarks.is_empty());
        CheckResult::new(material.subject.clone(), Vec::new(), Vec::new())
    };
    let results = check_files(&[pattern.to_owned()], threads, &judge);
    assert_eq!(results.len(), FILES);
}

/// The loop that this replaces, in a shell as people write it.
fn by_openssl(paths: &[PathBuf]) -> Duration {
    let mut script = String::from("for file in");
    for path in paths.iter().take(BY_OPENSSL) {
        write!(script, " '{}'", path.display()).expect("a string takes everything");
    }
    script.push_str("; do openssl x509 -checkend 2592000 -noout -in \"$file\" || exit 1; done");
    let run = || {
        let status = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status();
        assert!(status.expect("a shell").success(), "openssl is installed (Debian: apt-get install openssl)");
    };
    let part = timed(run).min(timed(run));
    part.mul_f64(FILES as f64 / BY_OPENSSL as f64)
}
