//! `ledgerd demo`: the main job end to end, in one folder.

mod pdf;
mod screen;
