# project: courier
# path: courier/office.py
# function: inspect_office
# kind: depends on the working directory
# falls: stable

from courier.office import inspect_office


def test_the_office_is_there():
    assert "parcel" in inspect_office("courier/send.py")
