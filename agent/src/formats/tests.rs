//! What is written is read back: by our model of the sample's readers, and by the tools that they are made of.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

/// Reads keys from a `config.yaml` with the tools of the sample's newest reader (`new`) and its first one (`old`).
const READERS: &str = r#"
new() {
    raw=$(grep "^$2:" "$1" | cut -d':' -f2-)
    raw=$(echo "$raw" | sed 's/^[ \t]*//')
    if echo "$raw" | grep -q '^".*"'; then
        got=$(echo "$raw" | sed 's/^"\([^"]*\)".*/\1/')
    else
        got=$(echo "$raw" | sed 's/[ \t]*#.*//' | sed 's/[ \t]*$//')
    fi
    case $2 in account_id|role_name|user_pool_id|client_id|s3_bucket|credential_provider_name)
        got=$(echo "$got" | tr -d ' \t') ;;
    esac
    echo "$got"
}
old() { grep "^$2:" "$1" | cut -d':' -f2- | sed 's/^ *"\?\(.*\)"\?$/\1/' | sed 's/"$//'; }
file=$(mktemp); cat > "$file"
for key in account_id gateway_name; do
    got=$(new "$file" $key); printf '%s\0' "$got"
    got=$(old "$file" $key); printf '%s\0' "$got"
done
rm "$file"
"#;

/// What a script prints, split at its NUL bytes, with this on its input.
fn printed(script: &str, input: &str) -> Vec<String> {
    let mut child = Command::new("bash")
        .args(["-c", script])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash is there");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_terminator('\0').map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 6: what is written is what the sample's scripts read.
    #[test]
    fn a_written_value_is_read_by_grep_cut_and_sed(
        before in "(#[ a-z]{0,8}\n|x_key: \"1\"\n|account_id: 'old'  # c\n){0,4}",
        account in "[!#-~]{0,24}",
        name in "[ !#-~äß]{0,24}",
    ) {
        let mut config = GatewayConfig::parse(&before);
        prop_assume!(config.set("account_id", &account).is_ok() && config.set("gateway_name", &name).is_ok());
        let text = config.text();
        prop_assert_eq!(config.get("account_id"), Some(account.clone()));
        prop_assert_eq!(config.get("gateway_name"), Some(name.clone()));
        let read = printed(READERS, &text);
        prop_assert_eq!(read, vec![account.clone(), account, name.clone(), name], "{}", text);
    }

    /// The model of the newest reader is the reader: whatever stands in the file.
    #[test]
    fn the_model_reads_as_grep_cut_and_sed_do(
        lines in prop::collection::vec("(account_id|gateway_name|other):[ \t]{0,2}[\"' #:a-z1\\\\/]{0,14}", 0..5),
    ) {
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let config = GatewayConfig::parse(&text);
        let read = printed(READERS, &text);
        for (key, got) in [("account_id", &read[0]), ("gateway_name", &read[2])] {
            prop_assert_eq!(&config.get(key).unwrap_or_default(), got, "{:?}", text);
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 6: a shell, docker and the model agree on what is written.
    #[test]
    fn a_written_variable_is_read_by_a_shell_and_by_docker(
        before in "(# c\n|A=1\n|export A='2'\n|B=\"x y\"\n){0,5}",
        value in "[A-Za-z0-9_./:@%+=,-]{0,60}",
    ) {
        let mut env = EnvFile::parse(&before);
        env.set("A", &value).unwrap();
        let text = env.text();
        prop_assert_eq!(env.get("A"), Some(Ok(value.clone())));
        prop_assert_eq!(env.as_docker("A"), Some(value.as_str()));
        prop_assert_eq!(env.times("A"), 1);
        let script = r#"set -a; . /dev/stdin; set +a; printf '%s\0' "$A""#;
        prop_assert_eq!(printed(script, &text), vec![value], "{}", text);
    }

    /// Where the model says what a shell gets, the shell gets that.
    #[test]
    fn the_model_reads_as_a_shell_does(raw in "[a-z'\" #\\\\=*~]{0,16}") {
        let text = format!("A={raw}\n");
        let env = EnvFile::parse(&text);
        if let Some(Ok(value)) = env.get("A") {
            let script = r#". /dev/stdin; printf '%s\0' "$A""#;
            prop_assert_eq!(printed(script, &text), vec![value], "{:?}", text);
        }
    }

    #[test]
    fn replacing_the_uri_changes_nothing_else(
        head in "(# [a-z ]{0,10}\n|a:\n  - x  # y\n|b: \"[a-z]{0,5}\"\n){0,1}",
        old in prop::sample::select(vec![
            "gateway:\n  uri: \"https://old.example.com\"  # why\n  more: 1\n",
            "gateway:\n  # none yet\n",
            "gateway: {uri: 'https://old.example.com', more: 1}\n",
            "gateway:\n  more: 1\n",
            "",
        ]),
        tail in "(\naws:\n  # region: x\n|# end\n)?",
        uri in "https://[a-z0-9.-]{1,30}(/[a-z]{1,5})?",
    ) {
        let text = format!("{head}{old}{tail}");
        let mut config = AgentConfig::parse(&text);
        config.set_uri(&uri).unwrap();
        prop_assert_eq!(config.uri(), Ok(Some(uri.clone())));
        let new = config.text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("old.example.com")).collect();
        for line in lines {
            prop_assert!(new.lines().any(|kept| kept == line), "{:?} is lost from {:?}", line, new);
        }
        prop_assert!(!old.contains("# why") || new.contains("# why"));
        prop_assert!(!old.contains("more: 1") || new.contains("more: 1"));
        let again = config.text();
        config.set_uri(&uri).unwrap();
        prop_assert_eq!(config.text(), again);
    }
}

#[test]
fn the_quirks_of_the_script_are_known() {
    let config = GatewayConfig::parse(
        "account_id: '123456789012'\nregion: us-east-1 # here\nrole_name: \"my role\"  # why\n  indented: \"1\"\n\
         client_id: \"a\"\nclient_id: \"b\"\n",
    );
    assert_eq!(config.get("account_id").as_deref(), Some("'123456789012'"), "single quotes stay");
    assert_eq!(config.meant("account_id").as_deref(), Some("123456789012"));
    assert_eq!(config.get("region").as_deref(), Some("us-east-1"));
    assert_eq!(config.get("role_name").as_deref(), Some("myrole"), "blanks go");
    assert_eq!(config.get("indented"), None, "only the first column counts");
    assert_eq!(config.get("client_id").as_deref(), Some("a\nb"), "two lines are a value of two lines");
    assert_eq!(config.get("s3_bucket"), None);
    let windows = GatewayConfig::parse("region: us-east-1\r\n");
    assert!(windows.is_windows());
}

#[test]
fn a_comment_behind_a_value_goes_above_it() {
    let mut config = GatewayConfig::parse("a: \"1\"\ns3_path_prefix: \"old\"  # Path prefix\nb: \"2\"\n");
    config.set("s3_path_prefix", "new").unwrap();
    assert_eq!(config.text(), "a: \"1\"\n# Path prefix\ns3_path_prefix: \"new\"\nb: \"2\"\n");
}

#[test]
fn what_a_reader_would_spoil_is_refused() {
    let mut config = GatewayConfig::parse("");
    for (key, value) in
        [("gateway_name", "a\"b"), ("gateway_name", "a\nb"), ("role_name", "a b"), ("role_name", "-n")]
    {
        assert!(config.set(key, value).is_err(), "{key} {value:?}");
    }
    assert_eq!(config.text(), "");
    let mut env = EnvFile::parse("");
    for value in ["a b", "$HOME", "a'b", "~", "a#b", "a;b", "a\nb", "ä"] {
        let fault = env.set("KEY", value).unwrap_err().to_string();
        assert!(fault.starts_with("KEY ") && !fault.contains(value), "{fault}");
    }
    assert_eq!(env.text(), "");
    assert!(line("arn", "two words").is_err() && line("arn", "").is_err());
    assert!(AgentConfig::parse("a: *x\n").uri().is_err());
    assert!(AgentConfig::parse("").set_uri("a\"b").is_err());
}

#[test]
fn only_what_a_shell_computes_is_unclear() {
    let env = EnvFile::parse("A=$HOME\nB='a b' # c\nC=a b\nD=\"x\\\"y\"\n  export E=1\n# F=1\nG =1\n");
    assert_eq!(env.get("A"), Some(Err(Unclear)));
    assert_eq!(env.get("B"), Some(Ok("a b".to_owned())));
    assert_eq!(env.as_docker("B"), Some("'a b' # c"), "docker keeps quotes and comments");
    assert_eq!(env.get("C"), Some(Err(Unclear)));
    assert_eq!(env.get("D"), Some(Ok("x\"y".to_owned())));
    assert_eq!(env.names(), ["A", "B", "C", "D", "E"]);
}

#[test]
fn the_scripts_append_mcp_themselves() {
    for url in [
        "https://g.example.com/mcp",
        "https://g.example.com/mcp/",
        "https://g.example.com/",
        "https://g.example.com",
    ] {
        assert_eq!(without_mcp(url), "https://g.example.com");
    }
}
