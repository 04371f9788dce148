//! Words come back as they went in, read by a reader of our own that follows systemd.syntax(7). That systemd reads the
//! same is asked of a booted one in `systemd/tests/booted.rs`.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// Splits a line as `extract_first_word()` of systemd does, with quotes undone, and C escapes where wanted.
fn split(line: &str, undoes_c_escapes: bool) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        let rest: String = chars.clone().take(2).collect();
        if rest.is_empty() {
            return words;
        }
        assert!(rest != ";" && rest != "; ", "a semicolon of its own begins another command: {line}");
        let mut word = Vec::new();
        let mut quote = None;
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', _) => {
                    let escaped = chars.next().expect("a backslash is not the last");
                    match escaped {
                        'n' if undoes_c_escapes => word.push(b'\n'),
                        't' if undoes_c_escapes => word.push(b'\t'),
                        'r' if undoes_c_escapes => word.push(b'\r'),
                        'x' if undoes_c_escapes => {
                            let digits: String = chars.by_ref().take(2).collect();
                            word.push(u8::from_str_radix(&digits, 16).expect("two hex digits"));
                        }
                        '"' | '\\' => word.push(escaped as u8),
                        other => panic!("\\{other} is no escape that systemd knows"),
                    }
                }
                (c, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => quote = Some(c),
                (c, None) if c.is_ascii_whitespace() => break,
                (c, _) => word.extend(c.to_string().bytes()),
            }
        }
        assert_eq!(quote, None, "{line} ends inside quotes");
        words.push(word);
    }
}

/// Replaces a doubled character by one; a single one would be a specifier or a variable.
fn halved(word: Vec<u8>, doubled: char) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = word.into_iter();
    while let Some(byte) = bytes.next() {
        if byte == doubled as u8 {
            assert_eq!(bytes.next(), Some(byte), "a lone {doubled}");
        }
        out.push(byte);
    }
    out
}

proptest! {
    #[test]
    fn arguments_come_back(words in prop::collection::vec("[^\0]*", 0..5)) {
        let line = words.iter().map(|word| argument(word)).collect::<Vec<_>>().join(" ");
        prop_assert!(!line.contains(['\n', '\0', '\r']));
        prop_assert!(!line.ends_with('\\'));
        let read: Vec<Vec<u8>> =
            split(&line, true).into_iter().map(|word| halved(halved(word, '%'), '$')).collect();
        let wanted: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn a_line_of_harmful_characters_comes_back(words in prop::collection::vec("[\"'\\\\%$;@:+! \t\n~*a]{0,6}", 1..5)) {
        let line = words.iter().map(|word| argument(word)).collect::<Vec<_>>().join(" ");
        let read: Vec<Vec<u8>> =
            split(&line, true).into_iter().map(|word| halved(halved(word, '%'), '$')).collect();
        let wanted: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn paths_come_back(names in prop::collection::vec("/\\PC*", 1..5)) {
        let paths: Vec<UnitPath> =
            names.iter().filter_map(|name| UnitPath::new(Path::new(name)).ok()).collect();
        let line = paths.iter().map(UnitPath::item).collect::<Vec<_>>().join(" ");
        let read: Vec<Vec<u8>> = split(&line, false).into_iter().map(|word| halved(word, '%')).collect();
        let wanted: Vec<Vec<u8>> =
            paths.iter().map(|path| path.as_path().to_str().unwrap().as_bytes().to_vec()).collect();
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn a_sentence_is_one_line_that_goes_on_nowhere(text in any::<String>()) {
        let line = sentence(&text);
        prop_assert!(!line.chars().any(char::is_control) && !line.ends_with('\\'));
        prop_assert!(!line.replace("%%", "").contains('%'));
    }
}

#[test]
fn words_look_as_people_write_them() {
    assert_eq!(argument("--config=/etc/a.yaml"), "--config=/etc/a.yaml");
    assert_eq!(argument("/etc/ssl/*.pem"), "\"/etc/ssl/*.pem\"");
    assert_eq!(argument("30%"), "30%%");
    assert_eq!(argument("a \"b\" $c \\"), r#""a \"b\" $$c \\""#);
    assert_eq!(argument(""), "\"\"");
    assert_eq!(argument(";"), "\";\"");
    assert_eq!(argument("two\nlines"), r#""two\nlines""#);
    // A list of paths has no variables.
    assert_eq!(UnitPath::new(Path::new("/a $b")).unwrap().item(), "\"/a $b\"");
}

#[test]
fn what_a_unit_cannot_say_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;

    let refused = |path: PathBuf| UnitPath::new(&path).unwrap_err().to_string();
    assert_eq!(refused(PathBuf::from("etc/x")), "etc/x is not absolute");
    assert_eq!(refused(PathBuf::from("/a\nb")), "\"/a\\nb\" has a control character in it");
    // A list of paths takes it, a command line does not.
    let quoted = Path::new("/a 'b'");
    assert!(UnitPath::new(quoted).is_ok());
    assert_eq!(ProgramPath::new(quoted), Err(Unspeakable::Program(quoted.to_owned())));
    let bytes = std::ffi::OsStr::from_bytes(b"/\xff");
    assert!(refused(PathBuf::from(bytes)).ends_with("is not UTF-8"));
}
