"""The dashboard."""

from flask import Blueprint, g, jsonify

from reports.service import Reports

blueprint = Blueprint("reports", __name__)


@blueprint.get("/reports/<month>")
def report(month):
    reports = Reports(g.tenant)
    return jsonify(revenue=reports.revenue(month), average=reports.average(month))
