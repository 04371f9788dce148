//! Keeps a host's certificate fresh: when it is due, how it is obtained, and how the new pair takes the place of the old.
