//! merkle: Tile-based RFC 6962 log, proofs and signed notes
