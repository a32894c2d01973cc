"""All that knows Faust, mode and aiokafka's consumer."""
