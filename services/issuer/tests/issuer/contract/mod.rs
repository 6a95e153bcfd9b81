//! What holds for every body of the two seams, run for the bodies of today against real servers.

mod authority;
mod solver;
