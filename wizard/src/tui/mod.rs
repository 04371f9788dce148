//! The walk on a terminal: keys become commands, the state is drawn, effects go to the program.
