//! seal: Sealed spans, the key tree, pages, manifests: the only crate that names aes-gcm
