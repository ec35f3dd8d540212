//! The models.
mod racing;
