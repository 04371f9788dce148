//! What holds of every [`Host`]: the body of tests that each implementation runs.

use std::path::Path;

use super::{Entry, Failed, Host, Meta};

/// Files, links and folders below an empty folder, with things that belong to this user and group.
pub(super) fn files(host: &impl Host, root: &Path, owner: (u32, u32)) {
    let meta = |mode| Meta { mode, uid: owner.0, gid: owner.1 };
    let at = |name: &str| root.join(name);
    let file = |path: &Path| match host.look(path).unwrap() {
        Entry::File { meta, .. } => (host.read(path).unwrap(), meta.mode),
        other => panic!("{}: {other:?}", path.display()),
    };
    // A file is new, then another, then away.
    assert_eq!(host.look(&at("a")).unwrap(), Entry::Absent);
    assert_eq!(host.read(&at("a")).unwrap_err().kind, Failed::NotFound);
    host.write(&at("a"), b"one", meta(0o640)).unwrap();
    assert_eq!(file(&at("a")), (b"one".to_vec(), 0o640));
    host.write(&at("a"), b"two", meta(0o755)).unwrap();
    assert_eq!(file(&at("a")), (b"two".to_vec(), 0o755));
    host.set_meta(&at("a"), meta(0o600)).unwrap();
    assert_eq!(file(&at("a")), (b"two".to_vec(), 0o600));
    let digest = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
    assert!(matches!(host.look(&at("a")).unwrap(), Entry::File { sha256, .. } if sha256 == digest));
    // A link takes the place of a file, and a file that of a link; what it pointed at stays.
    host.write(&at("target"), b"t", meta(0o600)).unwrap();
    host.link(&at("a"), Path::new("target")).unwrap();
    assert_eq!(host.look(&at("a")).unwrap(), Entry::Link("target".into()));
    assert_eq!(host.read(&at("a")).unwrap(), b"t");
    host.link(&at("a"), Path::new("elsewhere")).unwrap();
    assert_eq!(host.look(&at("a")).unwrap(), Entry::Link("elsewhere".into()));
    host.write(&at("a"), b"file", meta(0o600)).unwrap();
    assert_eq!((file(&at("a")).0, file(&at("target")).0), (b"file".to_vec(), b"t".to_vec()));
    // Folders, made twice, are there once.
    assert!(host.write(&at("d/x"), b"x", meta(0o600)).is_err());
    assert!(host.make_folder(&at("d/e"), meta(0o700)).is_err());
    host.make_folder(&at("d"), meta(0o750)).unwrap();
    host.make_folder(&at("d"), meta(0o700)).unwrap();
    assert_eq!(host.look(&at("d")).unwrap(), Entry::Folder(meta(0o700)));
    host.write(&at("d/x"), b"x", meta(0o600)).unwrap();
    host.link(&at("d/y"), Path::new("/")).unwrap();
    assert_eq!(host.list(&at("d")).unwrap(), ["x", "y"]);
    assert_eq!(host.list(&at("none")).unwrap(), Vec::<String>::new());
    assert_eq!(host.remove(&at("d")).unwrap_err().kind, Failed::NotEmpty);
    host.make_folder(&at("d/e"), meta(0o700)).unwrap();
    host.write(&at("d/e/z"), b"z", meta(0o600)).unwrap();
    host.remove_tree(&at("d")).unwrap();
    host.remove_tree(&at("d")).unwrap();
    assert_eq!(host.look(&at("d/e/z")).unwrap(), Entry::Absent);
    host.make_folder(&at("d"), meta(0o700)).unwrap();
    host.remove(&at("d")).unwrap();
    for name in ["a", "a", "target", "never"] {
        host.remove(&at(name)).unwrap();
    }
    assert_eq!(host.list(root).unwrap(), Vec::<String>::new());
}
