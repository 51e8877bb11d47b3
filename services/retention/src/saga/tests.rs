mod control;
mod crashes;
mod crossing;
mod scenarios;
mod sweeping;
mod undone;
