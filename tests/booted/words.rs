//! Words of a command line, as systemd itself reads them.

use systemd::unit::{CommandLine, Directive, Names, ServiceType, Unit, Word};
use systemd::words::ProgramPath;
use test_support::Booted;

#[test]
fn arguments_reach_the_program_as_they_were_said() {
    let words = [
        "",
        " ",
        "plain",
        "two words",
        "it's",
        "\"quoted\"",
        "back\\slash",
        "ends in \\",
        "\\n",
        "new\nline",
        "tab\t",
        "cr\r",
        "bell\u{7}",
        "$HOME",
        "${HOME}",
        "$$",
        "$",
        "%",
        "%n",
        "%%i",
        "100%",
        ";",
        "a;b",
        "; rm -rf",
        "~",
        "*",
        "?[a]",
        "#no",
        "--flag=\"x y\"",
        "-",
        "@x",
        "!x",
        "+x",
        ":x",
        "|x",
        "é",
        "日本",
        "\u{85}",
        "\u{200b}",
        "🦀",
        "'",
        "''",
        "\"",
        "\\x41",
        "{a,b}",
        "<in",
        ">out",
        "&",
        "a=b c",
    ];
    let program = ProgramPath::new("/opt/a b%$/say;it".as_ref()).unwrap();
    let line = CommandLine::new(program, words.map(Word::from));
    let unit = Unit::new(&[])
        .with(Directive::Type(ServiceType::Oneshot))
        .with(Directive::StateDirectory(Names(vec!["words"])))
        .with(Directive::ExecStart(line));
    let script = "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\"; done >/var/lib/words/said\n";
    let machine = Booted::prepare()
        .write("/opt/a b%$/say;it", script.as_bytes(), 0o755)
        .write("/etc/systemd/system/words.service", unit.render(252).as_bytes(), 0o644)
        .boot();
    let started = machine.output(&["systemctl", "start", "words.service"]);
    assert!(started.status.success(), "{}", machine.journal("words.service"));
    let said = machine.read("/var/lib/words/said");
    let said: Vec<&str> = said.split_terminator('\0').collect();
    assert_eq!(said, words);
}
