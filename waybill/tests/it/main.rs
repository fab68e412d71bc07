//! The program as its users meet it: run for real, judged by its exit code and what it prints.

mod command_line;
mod completions;
mod dead;
mod doctor;
mod fake;
mod follow;
mod jobs;
mod last;
mod load;
mod program;
mod settings;
mod silent_worker;
mod up;
