//! Whole trees: the planner against a model of two trees, then through sockets and files.

mod hostile;
mod model;
mod plans;
mod real;
mod world;
