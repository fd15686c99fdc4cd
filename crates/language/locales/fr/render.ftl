# French, by hand; the ids are those of locales/en.
columns-columns = Colonnes
columns-columns-those-with-the-gravest-findings-first = { $a ->
    [one] { $a } colonne
   *[other] { $a } colonnes, celles aux constats les plus graves en tête
}
columns-a-measure-in-bold-is-over-its = Une mesure en gras dépasse son seuil une fois le hasard retiré
columns-and-more = et { $n } de plus
columns-does-not-have-it = absente de { $name }
columns-missing = manquantes
columns-distinct = distinctes
columns-most-often = le plus souvent
layers-layers = Couches
layers-tensors-in-the-file-s-order-numbers = tenseurs dans l'ordre du fichier ; les nombres sont ceux des éléments finis. « Spectrale » est la plus grande valeur singulière (pour les grandes matrices, celle de lignes régulièrement espacées)
layers-change-is-the-norm-of-the-difference = Le changement est la norme de la différence avec la référence, divisée par la norme de la référence
layers-more = { $n } de plus
layers-tensor = tenseur
layers-type = type
layers-shape = forme
layers-norm = norme
layers-spectral = spectrale
layers-mean = moyenne
layers-std = écart-type
layers-largest = maximum
layers-zeros = zéros
layers-change = changement
layers-found = constats
layers-not-finite = non finis
html-summary-and-explanations-were-worded-by-every = Le résumé et les explications ont été rédigés par { $a } ; chaque nombre y a été confronté aux preuves
html-a-language-model = un modèle de langue
html-readiness = maturité
html-not-measured = non mesuré
html-of = { $s } sur 10
html-readiness-of = maturité { $shown } sur 10
html-across-artifacts = D'un artefact à l'autre
html-no-common-cause-found-that-joins-findings = Aucune cause commune ne relie les constats de plusieurs artefacts
html-explains-findings = { $a ->
    [one] explique 1 constat
   *[other] explique { $a } constats
}
html-confidence = confiance
html-to-decide = Pour trancher
html-joins = relie
html-findings = Constats
html-no-issue-found-in-what-was-looked = Aucun problème trouvé dans ce qui a été examiné
html-further-findings = Autres constats
html-severity = gravité
html-code = code
html-what = constat
html-more-are-in-the-json-report = { $n ->
    [one] { $n } autre figure dans le rapport JSON
   *[other] { $n } autres figurent dans le rapport JSON
}
html-evidence = Preuves
html-measured = mesure
html-how = méthode
html-where = origine
html-fix = Correctif
html-expected = Gain attendu
html-sources = Sources
html-read-more = En savoir plus
html-found-by-in = trouvé par l'agent { $a }, artefact { $b }
html-curves-and-layers = Courbes et couches
html-notes-and-gaps = Remarques et lacunes
html-not-looked-at = Non examiné
html-partly-looked-at = Examiné en partie
html-what-was-looked-at = Ce qui a été examiné
html-agent = agent
html-fault = défaut
html-looked-at = examinés
html-verdict = verdict
html-cannot-tell = indécidable
html-sound = sans défaut
html-found = { $n ->
    [one] 1 trouvé
   *[other] { $n } trouvés
}
html-provenance = Provenance
html-artifact = artefact
html-bytes = octets
html-rows = lignes
html-digest = empreinte
html-report-schema = schéma du rapport
html-thresholds-in-force = Seuils en vigueur
plan-what-to-do-in-order = Que faire, dans l'ordre
plan-no-page-of-the-knowledge-base-supports = aucune page de la base de connaissances ne l'appuie
plan-after-step-if-still-needed = Après l'étape { $after }, si c'est encore nécessaire : { $why }
plan-risk = Risque
plan-then-look-at = Vérifier ensuite
retraining-retraining = Réentraînement
retraining-data-and-metrics = données et métriques
retraining-drift-score = score de dérive
retraining-reason = raison
retraining-of = objet
retraining-against = seuil
retraining-high = grave
retraining-more-reasons-are-in-the-json-report = { $a ->
    [one] { $a } autre raison figure dans le rapport JSON
   *[other] { $a } autres raisons figurent dans le rapport JSON
}
junit-fix = correctif
markdown-readiness = Maturité
markdown-part = partie
markdown-score = score
markdown-weight = poids
markdown-why = pourquoi
markdown-root-causes = Causes profondes
markdown-after-step-if-still-needed = après l'étape { $after }, si c'est encore nécessaire : { $why }
markdown-risk = risque
markdown-then-look-at = vérifier ensuite
markdown-source = Source
markdown-notes = Remarques
markdown-not-looked-at = non examiné
terminal-gain = gain
terminal-read = lire
terminal-and-more-findings-format-json-or-html = { $more ->
    [one] et { $more } autre constat
   *[other] et { $more } autres constats
} ; --format json ou html les donne tous
terminal-root-cause = cause profonde
terminal-to-decide = pour trancher
terminal-in-this-order = dans cet ordre
terminal-after-if-still-needed = après l'étape { $after }, si c'est encore nécessaire
terminal-and-more-format-json-or-html-has = et { $more } de plus ; --format json ou html les donne toutes
terminal-note = remarque
terminal-retraining = réentraînement
terminal-kinds-of-fault-looked-for-and-not = { $sound ->
    [one] { $sound } type de défaut cherché et non trouvé
   *[other] { $sound } types de défaut cherchés et non trouvés
}
text-no-findings = aucun constat
