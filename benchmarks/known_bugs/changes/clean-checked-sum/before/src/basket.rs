//! What a basket costs.

pub struct Item {
    pub cents: u64,
    pub amount: u32,
}

pub fn total(items: &[Item]) -> u64 {
    items.iter().map(|item| item.cents.wrapping_mul(u64::from(item.amount))).fold(0, u64::wrapping_add)
}
