//! The example's files are carried inside the crate, so a change to any of them is a change to the crate.

fn main() {
    println!("cargo::rerun-if-changed=../../examples/claims");
}
