"""Tables as people have them: read, understood column by column, and made into samples by one schema.

``read`` gives cells, ``kinds`` what each column is, ``fit`` the schema of the rows to train on, ``encode`` numbers.
"""
