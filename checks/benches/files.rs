//! Ten thousand certificate files: read, judged and put into words here; only read and hashed; and in a loop of openssl.
//!
//!     cargo bench -p checks --bench files [-- SET] [-- --program target/release/sre-agent-deploy]
//!
//! One run makes the files, then takes each way in turns and prints the best of each. The first two use the same number of
//! threads; with one thread it is time on the processor, with two it is time. The loop of openssl is bounded to 300 files
//! and scaled, and always in time, so that its column says something only where nobody else uses the machine. `unverified` is the same without the files' root, so that no signature is verified; the difference is what
//! verification costs. With `--program` the whole process is measured too, in time, against two threads that hash, and one
//! file against `true`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "a benchmark prints what it measured, and stops where it cannot measure"
)]

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use checks::cert::judge::{Policy, Roots, judge};
use checks::cert::read::check_files;
use checks::report::Selection;
use checks::{CheckReport, Moment, Status, output};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use rcgen::{CertifiedIssuer, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};
use sha2::{Digest as _, Sha256};

const FILES: usize = 10_000;
const BY_OPENSSL: usize = 300;
const ROUNDS: usize = 7;
/// Seconds.
const DAY: u64 = 86_400;

fn main() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut only, mut program) = (None, None);
    while let Some(word) = words.next() {
        if word == "--program" { program = words.next() } else { only = Some(word) }
    }
    println!(
        "{:<22} {:>9} {:>10} {:>10} {:>6} {:>11} {:>6} {:>11} {:>6}",
        "", "threads", "hashed", "checked", "ratio", "unverified", "ratio", "openssl", "gain"
    );
    for (name, with_issuer, with_key) in
        [("leaf", false, false), ("leaf and issuer", true, false), ("leaf, issuer, key", true, true)]
    {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let set = Set::make(&folder.path().join(name.replace([',', ' '], "")), with_issuer, with_key);
        let loops = by_openssl(&set.paths);
        let row = |threads: &str, hashed: Duration, checked: Duration, unverified: Duration| {
            let ratio = |work: Duration| work.as_secs_f64() / hashed.as_secs_f64();
            println!(
                "{name:<22} {threads:>9} {:>7.1} ms {:>7.1} ms {:>5.2}x {:>8.1} ms {:>5.2}x {:>8.0} ms {:>5.0}x",
                millis(hashed),
                millis(checked),
                ratio(checked),
                millis(unverified),
                ratio(unverified),
                millis(loops),
                loops.as_secs_f64() / checked.as_secs_f64(),
            );
        };
        for threads in [1, 2] {
            let measure = |work: &dyn Fn()| if threads == 1 { computed(work) } else { timed(work) };
            let [hashed, checked, unverified] = best_of([
                &|| measure(&|| hash(&set.paths, threads)),
                &|| measure(&|| check(&set, Some(&set.roots), threads)),
                &|| measure(&|| check(&set, None, threads)),
            ]);
            row(&threads.to_string(), hashed, checked, unverified);
        }
        let Some(program) = &program else { continue };
        let [hashed, checked, unverified] = best_of([
            &|| timed(|| hash(&set.paths, 2)),
            &|| timed(|| run(program, &set.folder, Some(&set.roots))),
            &|| timed(|| run(program, &set.folder, None)),
        ]);
        row("process", hashed, checked, unverified);
        let first = set.paths.first().expect("a file");
        let [nothing, one] =
            best_of([&|| timed(|| assert!(Command::new("true").status().expect("true").success())), &|| {
                timed(|| run(program, first, Some(&set.roots)))
            }]);
        println!(
            "{name:<22} one file as a whole process {:.1} ms; `true` {:.1} ms",
            millis(one),
            millis(nothing)
        );
    }
}

/// The best time of each, taken in turns, so that what else the machine does meets all of them.
fn best_of<const COUNT: usize>(works: [&dyn Fn() -> Duration; COUNT]) -> [Duration; COUNT] {
    let mut best = [Duration::MAX; COUNT];
    for _ in 0..ROUNDS {
        for (best, work) in best.iter_mut().zip(works) {
            *best = work().min(*best);
        }
    }
    best
}

/// The program as an operator starts it. Without their root all files are in doubt, which is exit 5 or a warning.
fn run(program: &str, path: &Path, roots: Option<&Path>) {
    let mut command = Command::new(program);
    command.args(["check", "certs", "--file"]).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(roots) = roots {
        command.arg("--ca-file").arg(roots);
    }
    let status = command.status().expect("the program starts");
    assert!(roots.is_none() || status.success(), "{status}");
}

/// The files are as of today, since openssl judges as of now.
#[expect(clippy::disallowed_methods, reason = "there is no clock of a program here")]
fn now() -> Timestamp {
    Timestamp::now()
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

/// Files, and the root that they lead to.
struct Set {
    folder: PathBuf,
    paths: Vec<PathBuf>,
    roots: PathBuf,
}

impl Set {
    fn make(folder: &Path, with_issuer: bool, with_key: bool) -> Self {
        let roots = folder.with_extension("root.pem");
        let paths = make(folder, &roots, with_issuer, with_key);
        Self { folder: folder.to_owned(), paths, roots }
    }
}

/// Files as a CA of today makes them: two names, constraints, usages, identifiers, two timestamps.
fn make(folder: &Path, roots: &Path, with_issuer: bool, with_key: bool) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a scratch folder");
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        for (kind, value) in
            [(DnType::CountryName, "US"), (DnType::OrganizationName, "Example"), (DnType::CommonName, name)]
        {
            params.distinguished_name.push(kind, value);
        }
        params
    };
    let (params, issuer_key) = (authority("E7"), KeyPair::generate().expect("a key"));
    // Without an intermediate certificate in the file, the issuer is the root.
    let issuer_pem = if with_issuer {
        let root = CertifiedIssuer::self_signed(authority("X1"), KeyPair::generate().expect("a key"));
        let root = root.expect("a root");
        std::fs::write(roots, root.pem()).expect("room for a file");
        params.signed_by(&issuer_key, &root).expect("an issuer").pem()
    } else {
        let pem = params.self_signed(&issuer_key).expect("an issuer").pem();
        std::fs::write(roots, &pem).expect("room for a file");
        pem
    };
    let issuer = Issuer::new(params, issuer_key);
    let present = u64::try_from(now().as_second()).expect("after 1970");
    let moment = |second: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(second);
    let (first, last) = (moment(present - 30 * DAY), moment(present + 60 * DAY));
    let key = KeyPair::generate().expect("a key");
    (0..FILES)
        .map(|number| {
            let name = format!("host{number:05}.example.com");
            let mut params =
                CertificateParams::new(vec![name.clone(), format!("www.{name}")]).expect("parameters");
            (params.not_before, params.not_after) = (first, last);
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
                let beside = path.with_extension("key");
                std::fs::write(&beside, key.serialize_pem()).expect("room for a file");
                std::fs::set_permissions(&beside, Permissions::from_mode(0o600)).expect("a mode");
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

fn check(set: &Set, roots: Option<&Path>, threads: usize) {
    // Nothing is known from the round before.
    let anchors = match roots {
        Some(path) => Roots::from_pem(&std::fs::read(path).expect("roots")).expect("roots"),
        None => Roots::mozilla(),
    };
    let policy = Policy::new(anchors);
    let now = now();
    let judge = |material: &_| judge(material, &policy, Moment::from(now));
    let results = check_files(&[set.folder.display().to_string()], threads, &judge);
    assert_eq!(results.len(), FILES);
    let is_good = results.iter().all(|result| result.status == Status::Ok);
    assert_eq!(is_good, roots.is_some(), "{:?}", results.first());
    let report = CheckReport::new(now, None, results, &Selection::default());
    let style = output::Style {
        program: "sre-agent-deploy".to_owned(),
        by: String::new(),
        colour: false,
        width: 100,
        verbose: false,
        fail_on_warning: false,
        policy: Some(policy),
    };
    std::hint::black_box(output::text(&report, &style));
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
