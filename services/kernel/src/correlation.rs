//! How a call is found by the ids that its sender knows it by: their HMAC, under the tenant's identifier key.

/// What goes into the HMAC of a call id or correlation id. Its prefix keeps it from ever being equal to the HMAC
/// of a person's identifier with the same text.
pub fn hmac_input(id: &str) -> Vec<u8> {
    [b"correlation:", id.as_bytes()].concat()
}
