//! The files of the project, read once for every check.

use std::fs;
use std::path::{Path, PathBuf};

/// One crate of the workspace.
pub(crate) struct Crate {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, from the top of the tree.
    pub(crate) folder: PathBuf,
    /// Its parsed Cargo.toml.
    pub(crate) manifest: toml::Table,
}

/// The top of the tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every crate of the workspace.
pub(crate) fn crates() -> Vec<Crate> {
    let mut folders = vec![PathBuf::from("proto"), PathBuf::from("tests")];
    for entry in fs::read_dir(root().join("services")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").is_file() {
            folders.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    folders.sort();
    let crates = folders.into_iter().map(|folder| {
        let text = fs::read_to_string(root().join(&folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        Crate { name: manifest["package"]["name"].as_str().unwrap().to_owned(), folder, manifest }
    });
    crates.collect()
}

/// Every Rust file below a folder, as (path from the top, text).
pub(crate) fn rust_files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "gen" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}
