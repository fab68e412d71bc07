//! The program as its users meet it: run for real, judged by its exit code and what it prints.

mod command_line;
mod jobs;
mod program;
mod up;
