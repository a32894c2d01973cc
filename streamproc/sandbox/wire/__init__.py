"""What a world, generated or recorded, looks like in the forms of the services that it stands in for."""
