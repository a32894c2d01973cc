"""The pure core: values in, values out; no input or output, no clock, no logging, no chance."""
