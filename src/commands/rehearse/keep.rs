//! `rehearse --keep`: stays until the operator ends it, and keeps the token that the examples use fresh.

use std::os::unix::fs::FileTypeExt as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Rehearsal;
use super::process::Proxy;
use super::stage::Services;
use crate::commands::check;
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// How often it is seen whether the proxy lives.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why it ends.
enum Why {
    Asked,
    Input,
    Proxy(std::process::ExitStatus),
    Refresh,
}

impl Rehearsal<'_> {
    /// Stays until it is told to end, or the proxy ends by itself.
    pub(super) fn keep(
        &self,
        mut proxy: Proxy,
        services: &Services,
        exit: Exit,
    ) -> Result<Exit, Box<Failure>> {
        let input = self.end_of_input();
        let ways = if input.is_some() { ", SIGTERM or the end of its input" } else { " or SIGTERM" };
        self.app.say(&format!("\nrunning until Ctrl-C{ways}; then everything is taken down"));
        loop {
            match self.wait(&mut proxy, input.as_ref(), services.refresh_after())? {
                Why::Asked | Why::Input => return Ok(self.take_down(proxy, exit)),
                Why::Proxy(status) => {
                    let message = format!("the proxy ended by itself: {status}");
                    return Err(Failure::new(codes::PROXY_ENDED, "bedrock-nova-proxy", message)
                        .evidence(proxy.last_words())
                        .hint(format!("everything that it said is in {}", self.folder.log().display())));
                }
                Why::Refresh => self.folder.write_token(&services.token()?)?,
            }
        }
    }

    fn wait(
        &self,
        proxy: &mut Proxy,
        input: Option<&CancellationToken>,
        refresh_after: Duration,
    ) -> Result<Why, Box<Failure>> {
        check::wait_simply(async || {
            let mut refresh = std::pin::pin!(tokio::time::sleep(refresh_after));
            loop {
                if let Some(status) = proxy.ended() {
                    return Ok(Why::Proxy(status));
                }
                let ended = async {
                    match input {
                        Some(input) => input.cancelled().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = self.stop.token().cancelled() => return Ok(Why::Asked),
                    () = ended => return Ok(Why::Input),
                    () = &mut refresh => return Ok(Why::Refresh),
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        })
    }

    /// Set when a pipe that somebody holds the other end of is closed. A terminal is not read: a job in the background
    /// would be stopped for it. What can never say anything, such as `/dev/null`, does not end anything either.
    fn end_of_input(&self) -> Option<CancellationToken> {
        let kind = std::fs::metadata("/dev/stdin").ok()?.file_type();
        if !(kind.is_fifo() || kind.is_socket()) {
            return None;
        }
        let ended = CancellationToken::new();
        let (tell, input) = (ended.clone(), Arc::clone(&self.app.io.input));
        // It waits in a read that nothing but the other end can finish, and so ends with the process.
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
                // That it cannot be read any more is an end as well.
                let _ = std::io::copy(&mut *input, &mut std::io::sink());
                tell.cancel();
            })
            .ok()?;
        Some(ended)
    }
}
