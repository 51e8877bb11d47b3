//! Moments by a seed, which is printed.

use std::io::Write;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The moments differ from run to run a little, since time does; where in the call they lie is the seed's.
pub(crate) fn moments() -> StdRng {
    let given = std::env::var("VERBALE_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or(20_260_302);
    // Straight to standard error: it is shown also where the test passes.
    std::io::stderr().write_all(format!("VERBALE_SEED={seed} repeats these moments\n").as_bytes()).unwrap();
    StdRng::seed_from_u64(seed)
}
