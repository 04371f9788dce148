//! What the documentation says of the program holds: its commands exist, and its configurations are accepted.

use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bedrock-nova-proxy");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every page in which a user may find a command of the proxy.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "runbooks"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        pages.extend(files);
    }
    pages.into_iter().map(|page| (page.clone(), std::fs::read_to_string(&page).unwrap())).collect()
}

/// The words of a command line of the proxy, without the program.
fn words(line: &str) -> Option<Vec<&str>> {
    let line = line.trim().trim_start_matches("$ ");
    let line = match line.strip_prefix("cargo run -p proxy -- ") {
        Some(rest) => rest,
        None => line.strip_prefix("bedrock-nova-proxy ")?,
    };
    Some(line.split_whitespace().take_while(|word| !["|", ">", "&&", ";", "#"].contains(word)).collect())
}

#[test]
fn every_command_in_the_documentation_is_one_of_the_program() {
    let mut seen = 0;
    for (page, text) in pages() {
        let quoted = text.split('`').skip(1).step_by(2).filter_map(words);
        let blocks = text.lines().filter(|line| !line.contains('`')).filter_map(words);
        for command in quoted.chain(blocks) {
            let Some((verb, arguments)) = command.split_first() else { continue };
            let output = Command::new(PROGRAM).args([verb, "--help"]).output().unwrap();
            let help = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}: unknown verb in {command:?}", page.display());
            for flag in arguments.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                assert!(help.contains(flag), "{}: unknown flag in {command:?}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

#[test]
fn every_configuration_in_the_readme_is_accepted() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut seen = 0;
    for block in blocks.filter(|block| block.contains("upstreams:")) {
        let live = "/etc/letsencrypt/live/api.example.com";
        let text = block
            .replace(&format!("{live}/fullchain.pem"), certificate.to_str().unwrap())
            .replace(&format!("{live}/privkey.pem"), key.to_str().unwrap());
        let path = folder.path().join("proxy.yaml");
        std::fs::write(&path, text).unwrap();
        let output = Command::new(PROGRAM).args(["check-config", "--config"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
        seen += 1;
    }
    assert_eq!(seen, 2);
}
