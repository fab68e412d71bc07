//! The table of the kinds: a line makes the file of that name a kind of operation.
//!
//! Its order is the order in the help, the API's description, metrics and random choices. `make fmt` formats the
//! files; `cargo fmt` alone does not see modules that a macro declares.

crate::table::kinds! {
    add::Add,
    subtract::Subtract,
    multiply::Multiply,
    divide::Divide,
    primes::Primes,
    hash::Hash,
    wait::Wait,
    render::Render,
}
