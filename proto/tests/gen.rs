//! The generated code is what the `.proto` files say. A stale file is written anew, and the test fails once.
#![allow(clippy::unwrap_used, reason = "the whole file is a test")]

use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, Value};
use protox::Compiler;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn proto_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("verbale")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn compile() -> Compiler {
    let mut compiler = Compiler::new([root()]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(proto_files()).unwrap();
    compiler
}

fn generate(into: &Path) {
    let compiler = compile();
    tonic_prost_build::configure()
        .out_dir(into)
        .bytes(".verbale.ingest.v1")
        .compile_fds(compiler.file_descriptor_set())
        .unwrap();
    let mut lean = Compiler::new([root()]).unwrap();
    lean.include_imports(true).include_source_info(false);
    lean.open_files(proto_files()).unwrap();
    fs::write(into.join("descriptors.bin"), lean.encode_file_descriptor_set()).unwrap();
}

#[test]
fn generated_code_is_fresh() {
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    let committed = root().join("src/gen");
    let mut stale = Vec::new();
    for entry in fs::read_dir(fresh.path()).unwrap() {
        let path = entry.unwrap().path();
        let target = committed.join(path.file_name().unwrap());
        let wanted = fs::read(&path).unwrap();
        if fs::read(&target).ok().as_deref() != Some(&wanted) {
            fs::write(&target, wanted).unwrap();
            stale.push(target);
        }
    }
    assert!(stale.is_empty(), "these were stale and are written anew, commit them: {stale:?}");
}

#[test]
fn every_rpc_carries_a_whole_rule() {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let rule = pool.get_extension_by_name("verbale.rules.v1.rule").unwrap();
    let mut methods = 0;
    for service in pool.services() {
        for method in service.methods() {
            methods += 1;
            let options = method.options();
            assert!(options.has_extension(&rule), "{} has no rule", method.full_name());
            let options = options.get_extension(&rule);
            let Value::Message(rule) = options.as_ref() else { panic!("{}", method.full_name()) };
            for field in ["scope", "purpose", "reason", "audit"] {
                let value = rule.get_field_by_name(field).unwrap().as_enum_number().unwrap();
                assert_ne!(value, 0, "{}: {field} is unspecified", method.full_name());
            }
            let text = |name| rule.get_field_by_name(name).unwrap().as_str().unwrap().to_owned();
            assert!(!text("permission").is_empty(), "{} names no permission", method.full_name());
            let unaudited = rule.get_field_by_name("audit").unwrap().as_enum_number() == Some(3);
            assert_eq!(text("action").is_empty(), unaudited, "{}: action", method.full_name());
        }
    }
    assert!(methods > 20, "only {methods} methods were found");
}
