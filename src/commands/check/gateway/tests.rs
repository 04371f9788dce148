//! What the account is asked, on a practice account with a gateway in it.
