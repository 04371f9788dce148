//! Finding codes and their pages: each code in the program has a page, each page a code, and all pages one form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tree::{files, read};

/// What a page answers, in this order.
const SECTIONS: [&str; 4] = ["Symptom", "Cause", "Fix", "Verify"];

/// The finding codes in a text: `SRE-`, capitals, a hyphen and three digits.
pub(crate) fn codes(text: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (start, _) in text.match_indices("SRE-") {
        let rest = text.get(start..).unwrap_or_default();
        let mut parts = rest.splitn(3, '-');
        let (_, area, number) =
            (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        if !area.is_empty() && area.bytes().all(|byte| byte.is_ascii_uppercase()) && digits.len() == 3 {
            codes.insert(format!("SRE-{area}-{digits}"));
        }
    }
    codes
}

/// The part of a source file that is compiled into the program, without comments.
fn program(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| ["tests", "benches", "examples"].iter().any(|folder| part.as_os_str() == *folder))
}

/// Each code of the program with a file that has it.
fn codes_of_the_program() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in files(&["rs"]).iter().filter(|path| !is_test(path)) {
        for code in codes(&program(&read(path))) {
            found.entry(code).or_insert_with(|| path.display().to_string());
        }
    }
    found
}

/// Each page by its code.
pub(crate) fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for path in files(&["md"]).iter().filter(|path| path.starts_with("runbooks")) {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        pages.insert(name.to_owned(), read(path));
    }
    pages
}

/// What is wrong with the form of a page.
fn faults(code: &str, page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let title = page.lines().next().and_then(|line| line.strip_prefix(&format!("# {code}: ")));
    if title.is_none_or(|title| title.trim().is_empty() || title.ends_with('.')) {
        faults.push(format!("{code}: the first line is not `# {code}: title`"));
    }
    let mut headings = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        headings.push(heading);
        if body.trim().is_empty() {
            faults.push(format!("{code}: `{heading}` is empty"));
        }
    }
    if headings != SECTIONS {
        faults.push(format!("{code}: the sections are {headings:?}"));
    }
    faults
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let (program, pages) = (codes_of_the_program(), pages());
    assert!(program.contains_key("SRE-AWS-001"), "no codes were read: {program:?}");
    let without_page: Vec<String> = program
        .iter()
        .filter(|(code, _)| !pages.contains_key(*code))
        .map(|(code, path)| format!("{code} ({path})"))
        .collect();
    let without_code: Vec<&String> = pages.keys().filter(|code| !program.contains_key(*code)).collect();
    assert!(without_page.is_empty(), "no page in runbooks/: {without_page:#?}");
    assert!(without_code.is_empty(), "no source file has the code of these pages: {without_code:#?}");
}

#[test]
fn every_page_has_its_title_and_its_sections() {
    let faults: Vec<String> = pages().iter().flat_map(|(code, page)| faults(code, page)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_page_names_only_codes_that_have_a_page() {
    let pages = pages();
    for path in files(&["md"]) {
        let unknown: Vec<String> =
            codes(&read(&path)).into_iter().filter(|code| !pages.contains_key(code)).collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}", path.display());
    }
}

#[test]
fn codes_and_faults_are_seen() {
    let text = r#"Finding::new("SRE-AWS-001", x) SRE-PLAN-12 SRE-x-123 SRE-STATE-0034 "#;
    assert_eq!(codes(text).into_iter().collect::<Vec<_>>(), ["SRE-AWS-001"]);
    let source = "// SRE-AWS-009\nlet code = \"SRE-AWS-001\";\n#[cfg(test)]\nmod tests { \"SRE-AWS-002\" }";
    assert_eq!(codes(&program(source)).into_iter().collect::<Vec<_>>(), ["SRE-AWS-001"]);
    let page = "# SRE-X-001: It broke\n\n## Symptom\n\na\n\n## Cause\n\nb\n\n## Fix\n\nc\n\n## Verify\n\nd\n";
    assert_eq!(faults("SRE-X-001", page), Vec::<String>::new());
    for (from, to) in
        [("SRE-X-001:", "SRE-X-002:"), ("## Fix\n\nc\n\n", ""), ("\nb\n", "\n"), ("It broke", "")]
    {
        assert!(!faults("SRE-X-001", &page.replace(from, to)).is_empty(), "{from:?} to {to:?}");
    }
}
