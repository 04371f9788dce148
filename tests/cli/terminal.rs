//! With somebody at a terminal: questions, answers, and the list of steps that changes in place.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use crate::support::{Desk, Ended};

/// The program on a terminal that `script` makes.
fn on_terminal(desk: &Desk, line: &str) -> Child {
    let program = desk.command(line);
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command"]);
    // In the place of the shell, which has an end of its own where a key sends a signal.
    command.arg(format!("exec {} {line}", env!("CARGO_BIN_EXE_sre-agent-deploy"))).arg("/dev/null");
    command.current_dir(desk.path("."));
    command.env_clear().env("SHELL", "/bin/sh").env("TERM", "xterm");
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("`script` makes the terminal (Debian: bsdutils, Fedora: util-linux-script)")
}

/// Runs the program on a terminal, and types this.
pub(crate) fn typing(desk: &Desk, line: &str, typed: &str) -> Ended {
    let mut child = on_terminal(desk, line);
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    Ended::of(child.wait_with_output().unwrap())
}

/// The same once this is on the screen: a key that sends a signal is for a program that is ready for it.
pub(crate) fn typing_at(desk: &Desk, line: &str, question: &str, typed: &str) -> Ended {
    let mut child = on_terminal(desk, line);
    let (mut screen, mut seen) = (child.stdout.take().unwrap(), Vec::new());
    while !String::from_utf8_lossy(&seen).contains(question) {
        let mut piece = [0; 1024];
        let read = screen.read(&mut piece).unwrap();
        seen.extend_from_slice(&piece[..read]);
        assert!(read > 0, "{question:?} never came:\n{}", String::from_utf8_lossy(&seen));
    }
    child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
    screen.read_to_end(&mut seen).unwrap();
    let ended = Ended::of(child.wait_with_output().unwrap());
    Ended { stdout: String::from_utf8(seen).unwrap(), ..ended }
}

#[test]
fn nothing_is_done_unless_somebody_says_yes() {
    let desk = Desk::new();
    for typed in ["\n", "n\n", "maybe\n", "\u{4}"] {
        let ended = typing(&desk, "deploy --config config.yaml", typed).expect(8);
        assert!(ended.stdout.contains("Carry out this plan? [y/N]"), "{}", ended.stdout);
        assert!(ended.stdout.contains("SRE-RUN-002"), "{}", ended.stdout);
        assert_eq!(desk.left(), Vec::<String>::new());
    }
    typing(&desk, "deploy --config config.yaml", "y\n").expect(0);
    assert!(!desk.left().is_empty());
}

#[test]
fn a_removal_wants_the_id_typed() {
    let desk = Desk::new().deployed();
    let cleanup = "--cleanup --deployment-id sre-cli --yes";
    let ended = typing(&desk, cleanup, "yes\n").expect(2);
    assert!(ended.stdout.contains("Type the deployment id sre-cli"), "{}", ended.stdout);
    assert!(ended.stdout.contains("EC2 instance"), "what was found comes first: {}", ended.stdout);
    assert!(!desk.left().is_empty());
    typing(&desk, cleanup, "sre-cli\n").expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn a_check_is_coloured_where_somebody_looks_and_nowhere_else() {
    let desk = crate::certificates::desk();
    let line = format!("check certs --file fine.pem --file gone.pem {}", crate::certificates::NOW);
    let seen = typing(&desk, &line, "").expect(5).stdout;
    assert!(
        seen.contains("\x1b[32mok        \x1b[0m\x1b[1mfine.pem\x1b[0m  api.example.com  ends in 48 days"),
        "{seen:?}"
    );
    assert!(seen.contains("\x1b[1;31mcritical"), "{seen:?}");
    for flags in ["--no-color", "--format json", "--output result"] {
        let seen = typing(&desk, &format!("{line} {flags}"), "").expect(5).stdout;
        assert!(!seen.contains('\x1b'), "{flags}: {seen:?}");
    }
    assert!(!desk.read("result").contains('\x1b'));
}
