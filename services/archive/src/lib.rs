//! archive: what was recorded, put away for good, and brought back to those who may hear it.
//!
//! It owns the way from the audio topic to locked objects, the folded timeline, the signed documents, and
//! replay. It keeps no key that opens data: what a reader may hear is crypto's answer, asked anew for every
//! replay. It does not know why a purpose has its basis, how long anything is kept, nor who somebody is.
//!
//! Read [`fact`] (what is learnt), [`store`] (how it is kept), [`timeline`] and [`completeness`] (what it comes
//! to), [`packer`] and `consumer` (how spans become objects), `sealing` (documents), then `replay`.

pub mod fact;
pub mod store;

pub mod absence;
pub mod completeness;
pub mod decode;
pub mod document;
pub mod packer;
pub mod replay;
pub mod timeline;
pub mod wav;

pub mod config;
pub mod consumer;
pub mod error;
pub mod mesh;
pub mod sealing;
pub mod shelf;

pub use config::Config;
pub use error::Error;
