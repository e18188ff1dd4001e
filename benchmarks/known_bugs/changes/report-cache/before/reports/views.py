"""The dashboard."""

from flask import Blueprint, g, jsonify

from reports import service

blueprint = Blueprint("reports", __name__)


@blueprint.get("/reports/<month>")
def report(month):
    return jsonify(
        revenue=service.revenue(g.tenant, month),
        average=service.average(g.tenant, month),
    )
