"""What a person does and sees in the playground's page."""
