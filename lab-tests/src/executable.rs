//! The `waybill` executable, built if it is not up to date.

use std::{path::PathBuf, process::Command, sync::LazyLock};

/// The executable of the same profile as the tests.
pub fn waybill() -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    BUILT.clone()
}

/// The executable in the folder of this program, which is built together with it.
pub fn waybill_beside() -> PathBuf {
    std::env::current_exe().expect("this program is a file").with_file_name("waybill")
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // With the features of the whole workspace, as its tests are built: nothing is built twice.
    cargo.args(["build", "--quiet", "--workspace", "--bin", "waybill"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(built.expect("cargo can be started").success(), "waybill does not build");
    // Tests lie in `deps/` of the folder that the executable is in.
    let test = std::env::current_exe().expect("this test is a file");
    let folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    folder.join("waybill")
}
