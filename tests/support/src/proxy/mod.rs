//! A proxy between the program and an emulated account, which knows AWS calls when it sees them.
//!
//! It numbers the calls that change something and, at the one that was chosen, stops before it or after it, answers
//! in the account's place, or waits. Killing the program in a callback is the proof that it survives being killed.

mod call;
mod fault;
mod rest;

use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use call::RecordedCall;
pub use fault::Fault;

use crate::http::{self, Message, Unframed};

type Callback = Box<dyn FnOnce(&RecordedCall) + Send>;

/// What the proxy does with the calls to come. Calls that change something are counted from 1, beginning with the
/// moment at which the plan is made.
pub struct ProxyPlan {
    action: Action,
    latency: Duration,
}

enum Action {
    Forward,
    Before(usize, Option<Callback>),
    After(usize, Option<Callback>),
    Fault(usize, Fault),
    FaultOn { operation: String, times: usize, fault: Fault },
}

impl ProxyPlan {
    /// Forwards everything.
    pub fn forward() -> Self {
        Self::of(Action::Forward)
    }

    /// At the `k`-th change, runs `then` and drops the connection: the call never reaches the account.
    pub fn before(k: usize, then: impl FnOnce(&RecordedCall) + Send + 'static) -> Self {
        Self::of(Action::Before(k, Some(Box::new(then))))
    }

    /// At the `k`-th change, lets the account carry it out, runs `then` and drops the connection: the answer never
    /// reaches the program.
    pub fn after(k: usize, then: impl FnOnce(&RecordedCall) + Send + 'static) -> Self {
        Self::of(Action::After(k, Some(Box::new(then))))
    }

    /// Answers the `k`-th change in the account's place.
    pub fn fault(k: usize, fault: Fault) -> Self {
        Self::of(Action::Fault(k, fault))
    }

    /// Answers the first `times` calls of an operation, reads too, in the account's place.
    pub fn fault_on(operation: &str, times: usize, fault: Fault) -> Self {
        Self::of(Action::FaultOn { operation: operation.to_owned(), times, fault })
    }

    /// The same with a wait before each call.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    fn of(action: Action) -> Self {
        Self { action, latency: Duration::ZERO }
    }
}

/// A proxy on a free loopback port. It ends when this value does.
pub struct KillingProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: SocketAddr,
    is_secure: bool,
    stopping: AtomicBool,
    state: Mutex<State>,
}

struct State {
    plan: ProxyPlan,
    calls: Vec<RecordedCall>,
    changes: usize,
}

/// What one call meets.
enum Verdict {
    Forward,
    Before(Option<Callback>),
    After(Option<Callback>),
    Answer(Fault),
}

impl KillingProxy {
    /// Starts one in front of `upstream`, such as `http://127.0.0.1:5000`, that forwards everything.
    pub fn start(upstream: &str) -> Self {
        Self::of(upstream, false)
    }

    /// The same in the place where AWS takes TLS off, for a policy that denies what comes without: what it forwards came
    /// over TLS, says a header, as that of a load balancer does.
    pub fn start_as_tls(upstream: &str) -> Self {
        Self::of(upstream, true)
    }

    fn of(upstream: &str, is_secure: bool) -> Self {
        let host = upstream.trim_start_matches("http://").trim_end_matches('/');
        let upstream = host.parse().expect("the upstream is a loopback address and a port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = State { plan: ProxyPlan::forward(), calls: Vec::new(), changes: 0 };
        let shared = Arc::new(Shared {
            upstream,
            is_secure,
            stopping: AtomicBool::new(false),
            state: Mutex::new(state),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Its URL, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the plan, forgets the calls seen so far and counts changes from 1 again.
    pub fn plan(&self, plan: ProxyPlan) {
        let mut state = self.shared.state();
        *state = State { plan, calls: Vec::new(), changes: 0 };
    }

    /// The AWS calls since the plan was made, in the order in which they arrived.
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.shared.state().calls.clone()
    }
}

impl Drop for KillingProxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The listener waits for a connection; this is the one that ends it.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A callback that panicked did so outside the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, call: &RecordedCall) -> (Verdict, Duration) {
        let mut state = self.state();
        state.calls.push(call.clone());
        if call.mutating {
            state.changes = state.changes.saturating_add(1);
        }
        let chosen = |k: usize| call.mutating && state.changes == k;
        let hit = match &state.plan.action {
            Action::Before(k, _) | Action::After(k, _) | Action::Fault(k, _) => chosen(*k),
            Action::FaultOn { operation, times, .. } => *operation == call.operation && *times > 0,
            Action::Forward => false,
        };
        let latency = state.plan.latency;
        if !hit {
            return (Verdict::Forward, latency);
        }
        let verdict = match &mut state.plan.action {
            Action::Forward => Verdict::Forward,
            Action::Before(_, then) => Verdict::Before(then.take()),
            Action::After(_, then) => Verdict::After(then.take()),
            Action::Fault(_, fault) => Verdict::Answer(fault.clone()),
            Action::FaultOn { times, fault, .. } => {
                *times = times.saturating_sub(1);
                Verdict::Answer(fault.clone())
            }
        };
        (verdict, latency)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // Ends with its connection, which the program closes at the latest when it ends.
        thread::spawn(move || {
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// Serves one connection, request after request, until either side ends it.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream.try_clone()?;
    loop {
        let mut leave = stream.try_clone()?;
        let go_on = || leave.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        let Some(mut request) = Message::read(&mut input, Unframed::Empty, go_on)? else { return Ok(()) };
        if shared.is_secure {
            request.fields.push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
        }
        let answer = match RecordedCall::of(&request) {
            None => http::exchange(shared.upstream, &request)?,
            Some(call) => {
                let (verdict, latency) = shared.judge(&call);
                thread::sleep(latency);
                match verdict {
                    Verdict::Forward => http::exchange(shared.upstream, &request)?,
                    Verdict::Answer(fault) => fault.answer(&call),
                    Verdict::Before(then) => {
                        run(then, &call);
                        return Ok(());
                    }
                    Verdict::After(then) => {
                        http::exchange(shared.upstream, &request)?;
                        run(then, &call);
                        return Ok(());
                    }
                }
            }
        };
        if request.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            return answer.write(&mut output, "close");
        }
        answer.write(&mut output, "keep-alive")?;
    }
}

fn run(then: Option<Callback>, call: &RecordedCall) {
    if let Some(then) = then {
        then(call);
    }
}
