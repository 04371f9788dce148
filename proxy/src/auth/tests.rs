//! What callers with good, bad and strange credentials get.
